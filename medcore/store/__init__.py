"""Where everything lasting is: tables, files by hash, the audit, and the key that hides who a patient is."""
