"""Athena's engine: SQL of Trino over the objects of Glue's tables, run by DuckDB.

``projection.py`` finds the objects of a table, ``json_lines.py`` reads rows, ``statements.py`` parses and
checks SQL, ``engine.py`` runs a query, ``results.py`` formats the result. Unsimulated SQL is rejected.
"""
