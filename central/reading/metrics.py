"""What the centre measures of itself, in Prometheus's form."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from central.reading.claims import Outcome


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.batches = Counter("sgc_ingest_batches", "Batches by what became of them", ["fate"], registry=self.registry)
        self.items = Counter("sgc_ingest_items", "Items of committed batches", registry=self.registry)
        self.group_seconds = Histogram(
            "sgc_ingest_group_seconds", "From a group of batches to its commit", registry=self.registry
        )
        self.failures = Counter(
            "sgc_ingest_failures",
            "Groups that the database did not take and that are tried again",
            registry=self.registry,
        )
        self.broker_up = Gauge("sgc_broker_up", "1 while connected and subscribed", registry=self.registry)
        self.database_up = Gauge("sgc_database_up", "1 while the last access succeeded", registry=self.registry)
        self.quarantine = Gauge("sgc_quarantine_open", "Open entries", ["kind"], registry=self.registry)
        self.findings = Counter("sgc_validation_findings", "Findings opened", registry=self.registry)
        self.fiscal_waiting = Gauge(
            "sgc_fiscal_waiting_records", "Fiscal records without an answer", registry=self.registry
        )
        self.fiscal_oldest_seconds = Gauge(
            "sgc_fiscal_oldest_seconds", "Age of the oldest of them", registry=self.registry
        )
        self.fiscal_rejected = Gauge(
            "sgc_fiscal_rejected_records", "Rejected records nobody has mended", registry=self.registry
        )
        self.webhook_tries = Counter(
            "sgc_webhook_tries", "Tries to deliver a webhook by what came of them", ["fate"], registry=self.registry
        )
        self.webhook_waiting = Gauge(
            "sgc_webhook_waiting_deliveries", "Deliveries that are owed", registry=self.registry
        )
        self.webhook_oldest_seconds = Gauge(
            "sgc_webhook_oldest_seconds", "Age of the oldest of them", registry=self.registry
        )
        self.webhook_disabled = Gauge(
            "sgc_webhook_disabled_endpoints", "Endpoints disabled because they failed for days", registry=self.registry
        )

        self.login_refusals = Gauge(
            "sgc_login_refusals",
            "Wrong passwords (by login and by address) and codes of five minutes",
            registry=self.registry,
        )

    def count(self, outcomes: list[Outcome]) -> None:
        """Take in what became of a group."""
        for outcome in outcomes:
            self.batches.labels(outcome.fate).inc()
            if outcome.fate == "committed":
                self.items.inc(outcome.items)
