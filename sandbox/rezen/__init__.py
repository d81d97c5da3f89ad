"""reZEN, imitated: yenta (people), arrakis (deals, revenue share), plutus (equity), keymaker (sign-
in).
"""
