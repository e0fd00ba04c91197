"""The books of the pipeline: clicks counted from stream to bucket, and persons erased.

ledger      the bucket's records of a time range
metrics     CloudWatch's side, by minute
audit       CloudWatch's counts against the ledger
statement   the books as a result
person      a value of a field, compared with parsed clicks and searched in unparsable records
lines       contents of objects without the clicks of a person
packing     compressed objects unpacked, and packed again in the original format
erasing     all versions of all objects, rewritten or deleted
receipt     the record of an erasure, and the check that the erasure holds
"""
