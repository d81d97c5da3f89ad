"""The vendors, imitated over real HTTP: one synthetic brokerage behind their published interfaces.

Built from the vendor contracts only. Nothing outside ``sandbox``, ``tests`` and ``bench`` imports
it.
"""
