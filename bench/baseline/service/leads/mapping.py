"""The rules and the mapping of the sample route."""

import re


class Rejected(Exception):
    """A rule failed; the message is its code."""


def check(lead):
    """Apply the rules, in order."""
    address, house = lead.get("address") or {}, lead.get("house") or {}
    if address.get("zip") is None or house.get("is_owner") is None:
        raise Rejected("MISSING_REQUIRED_FIELD")
    if not re.fullmatch(r"66\d{3}", str(address["zip"]), re.ASCII):
        raise Rejected("ZIP_NOT_66XXX")
    if house["is_owner"] is not True:
        raise Rejected("NOT_HOMEOWNER")


def customer_payload(lead):
    """Normalise a lead and map it to what the customer wants."""
    phone = (lead.get("phone") or "").strip()
    if not phone:
        raise Rejected("MISSING_REQUIRED_FIELD")
    return {
        "customer_email": (lead.get("email") or "").strip().lower(),
        "customer_zip": lead["address"]["zip"].strip(),
        "customer_street": (lead["address"].get("street") or "").strip(),
        "is_homeowner": lead["house"]["is_owner"],
        "phone": phone,
        "product": {"name": "Solaranlage"},
    }
