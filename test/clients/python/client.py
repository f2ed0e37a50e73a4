"""Pushes with client_python, the way its users do: client.py URL push|add|delete."""

import sys

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client import delete_from_gateway, push_to_gateway, pushadd_to_gateway

registry = CollectorRegistry()
Counter("py_requests", "Requests.", ["code"], registry=registry).labels("200").inc(42)
Gauge("py_size_bytes", "Size.", registry=registry).set(1.5e6)
Summary("py_latency_seconds", "Latency.", registry=registry).observe(2)
Histogram("py_classic_seconds", "Classic.", buckets=[1, 10], registry=registry).observe(5)

url, method = sys.argv[1:]
group = {"instance": "i 1", "path": "/var/ü"}
if method == "delete":
    delete_from_gateway(url, job="py batch/ü", grouping_key=group)
else:
    send = push_to_gateway if method == "push" else pushadd_to_gateway
    send(url, job="py batch/ü", registry=registry, grouping_key=group)
