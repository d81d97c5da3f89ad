"""reZEN, the back office of The Real Brokerage: agents, deals, network, revenue share, equity.

`models` is the contract's tables, `client` the HTTP peculiarities, `source` what is read and how.
Read only: nothing but GET is ever sent.
"""
