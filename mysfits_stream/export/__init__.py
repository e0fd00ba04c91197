"""The stack in the words of AWS's own tools: a CloudFormation or SAM template, or an import.

A template is the stack's own ``build()`` with placeholders for what only CloudFormation knows, so it says
nothing a second time.
"""
