"""Pages that send clicks.

pages        the stack's endpoints in our own page, or in a page of the user's; the snippet
publishing   files written to a directory or uploaded to a bucket
"""
