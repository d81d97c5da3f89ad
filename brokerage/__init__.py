"""The product's own side: settings, the database, the control schema, the local stack, the CLI.

`settings`, `errors`, `database` and `control` are the base layer and import nothing else of this
project; `stack` and `cli` sit on top of everything.
"""
