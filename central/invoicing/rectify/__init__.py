"""Rectifying what was billed: proposed by one person with a preview, decided by another, issued as R1 to R4.

Bills are rated again from the register as it is now (readings, tariffs, terms), period after period, and what changed
is invoiced: by differences or by substitution (RD 1619/2012, article 15). Nothing issued is touched.
"""

from central.invoicing.rectify.decide import issue, reject
from central.invoicing.rectify.propose import Request, propose
from central.invoicing.rectify.recompute import Recomputed, recompute
from central.invoicing.rectify.standing import original_of, standing

__all__ = ["Recomputed", "Request", "issue", "original_of", "propose", "recompute", "reject", "standing"]
