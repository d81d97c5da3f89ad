"""Follow Up Boss, the CRM: users, people, deals, events, calls, texts, appointments.

`models` is the contract's tables, `client` the HTTP peculiarities, `source` what is read and how.
Read only: nothing but GET is ever sent, except the renewal of an OAuth token.
"""
