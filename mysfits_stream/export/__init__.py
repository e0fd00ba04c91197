"""Exports the stack as a CloudFormation template, a SAM template or a resource import.

A template is the stack's own ``build()`` with placeholders for values known only to CloudFormation, so no
property is written twice.
"""
