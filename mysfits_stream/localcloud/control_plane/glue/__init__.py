"""The Glue Data Catalog: overrides of moto's databases and tables."""
