"""The network-news mails: which days they cover, what stands in them, how they are sent once.

What is news is decided by `marts.network_news`; here it is only worded, laid out and sent.
"""
