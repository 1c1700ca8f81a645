"""`make check-crm`: many deliveries of four CRMs, repeated, shuffled, unusable and damaged, against what the CRMs hold in the end."""
