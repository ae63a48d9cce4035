"""Billing runs, invoices and their documents.

A run goes simulate → review → approve → number → chain → post → deliver. It is a set of partitions; each is worked in
one transaction that also records the partition's state, so a run resumes after any interruption without a doubled or
a missing bill. Nothing legal is written before approval.
"""
