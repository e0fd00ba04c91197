"""The deployer: desired state, AWS's state, and the loop between both.

Begin with ``stack.py``.
"""
