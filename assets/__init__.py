"""The tables of the platform as Dagster assets.

`raw` turns every vendor into assets, one per entity, partitioned by agent; `dbt` does so for the
models of the warehouse. An asset says what a table is and fills it; when that happens is decided in
`sensors`.
"""
