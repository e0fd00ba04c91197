"""The clicks API: its OpenAPI document, comparable view, stage and deployment."""
