"""SQL over the clicks: tables, the cache of objects, and the engine on this machine.

``schema`` names the columns, ``cache`` keeps the bucket's objects as Parquet files, ``engine`` runs a query
on these files and nothing else.
"""
