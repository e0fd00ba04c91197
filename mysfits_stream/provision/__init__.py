"""The deployer: desired state, AWS's state, and the loop that joins them. Begin with ``stack.py``."""
