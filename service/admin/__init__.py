"""The admin's window: pages at /admin, and the JSON API at /admin/api that they are built on."""
