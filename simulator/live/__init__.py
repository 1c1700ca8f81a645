"""The stream: what happens after the history, written to a journal, delivered as each CRM delivers."""
