"""Definitions of a click as settings: a shop, and every type with every bound."""

from __future__ import annotations

from typing import Any

SHOP: dict[str, Any] = {
    "click": {
        "fields": {
            "visitorId": {"type": "string", "minLength": 1, "maxLength": 64},
            "productId": {"type": "string", "pattern": "^[0-9]{1,10}$"},
            "campaign": {"type": "string", "maxLength": 64, "required": False},
            "quantity": {"type": "integer", "minimum": 1, "maximum": 99, "required": False},
        },
        "user": "visitorId",
    },
    "enrich": {
        "key": "productId",
        "path": "/products/{productId}",
        "list": "",
        "attributes": ["name", "category", "price"],
    },
}

ALL_TYPES: dict[str, Any] = {
    "click": {
        "fields": {
            "who": {"type": "string", "minLength": 2, "maxLength": 64},
            "item": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
            "ratio": {"type": "number", "minimum": -1.5, "maximum": 99.5},
            "agreed": {"type": "boolean"},
            "channel": {"enum": ["web", 'the "app"', "caf\u00e9 ${x} $y #end"]},
            "code": {"pattern": "^[A-Z]{2}-[0-9]{1,3}$", "required": False},
            "stars": {"type": "integer", "enum": [1, 2, 3], "required": False},
            "Note_2": {"type": "string", "maxLength": 2048, "required": False},
        }
    },
    "enrich": {
        "key": "item",
        "path": "/items?id={item}",
        "list": "/items",
        "attributes": ["title", "weight", "available"],
    },
}
