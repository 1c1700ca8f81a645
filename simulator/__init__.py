"""A simulated company and its four CRMs: history as files, live changes as signed webhooks, REST for fetch-back, the truth for tests."""
