"""The pages: what the API answers, laid out for people. No number is computed here."""

from gateway.pages.app import customise

__all__ = ["customise"]
