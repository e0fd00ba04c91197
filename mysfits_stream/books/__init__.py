"""The books of the pipeline: clicks counted from stream to bucket, and a person's clicks erased.

ledger      what the bucket holds of a time range, by record
metrics     CloudWatch's side, by minute
audit       what CloudWatch counts against the ledger
statement   the books as a result
person      a value of a field, compared with parsed clicks and searched in records that cannot be parsed
lines       contents of objects without the clicks of a person
packing     compressed objects unpacked, and packed again in the same format
erasing     all versions of all objects, rewritten or deleted
receipt     the record of an erasure, and the check that the erasure holds
"""
