"""Every table of the road from a telegram to a paid bill."""

import sqlalchemy as sa
from alembic import op

from central.store.base import Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _audit_entry()
    _compact_format()
    _consumption()
    _draft_bill()
    _fiscal_chain()
    _fiscal_record()
    _invoice()
    _ledger_entry()
    _quarantine()
    _reading()
    _reading_day()
    _series()
    _shared_value()
    _telegram()
    _telegram_explanation()
    _utility()
    _validation_mark()
    _billing_run()
    _customer()
    _device()
    _fiscal_correction()
    _fiscal_event()
    _fiscal_regime()
    _fiscal_sender()
    _fiscal_signature()
    _fiscal_submission()
    _invoice_document()
    _ledger_transaction()
    _login_refusal()
    _meter()
    _quality_count()
    _quality_issue()
    _refund_order()
    _register_import()
    _supply_point()
    _tariff_assignment()
    _tariff_version()
    _visit()
    _webhook_endpoint()
    _webhook_event()
    _bank_account()
    _bulk_member()
    _bulk_supply()
    _contract()
    _device_event()
    _device_mail()
    _draft_block()
    _finding()
    _fiscal_outcome()
    _ingest_batch()
    _installation()
    _meter_key()
    _order_report()
    _receiver()
    _route()
    _run_partition()
    _user()
    _webhook_delivery()
    _webhook_secret()
    _api_answer()
    _api_token()
    _contract_case()
    _contract_holder()
    _contract_terms()
    _cut_fact()
    _draft_exception()
    _factor_grace()
    _known_browser()
    _login_session()
    _passkey()
    _passkey_challenge()
    _password_link()
    _recovery_code()
    _rectification()
    _refund()
    _route_plan()
    _route_stop()
    _supply_share()
    _totp_secret()
    _webhook_attempt()
    _work_order()
    _contract_case_document()
    _contract_charge()
    _rectification_item()


def _audit_entry() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("utility_id", "position", name=op.f("pk_audit_entry")),
    )


def _compact_format() -> None:
    op.create_table(
        "compact_format",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("manufacturer", sa.String(length=3), nullable=False),
        sa.Column("device_type", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("signature", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("learnt_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "utility_id", "manufacturer", "device_type", "signature", "headers", name=op.f("pk_compact_format")
        ),
    )


def _consumption() -> None:
    op.create_table(
        "consumption",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("generation", sa.SmallInteger(), nullable=False),
        sa.Column("litres", sa.BigInteger(), nullable=False),
        sa.Column("estimated_litres", sa.BigInteger(), nullable=False),
        sa.Column("leak", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_consumption")),
    )
    with op.batch_alter_table("consumption", schema=None) as batch_op:
        batch_op.create_index("ix_consumption_supply", ["utility_id", "supply_point_id", "period_to"], unique=False)
        batch_op.create_index(
            "uq_consumption_contract_period", ["utility_id", "contract_id", "period_from", "generation"], unique=True
        )


def _draft_bill() -> None:
    op.create_table(
        "draft_bill",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("litres", sa.BigInteger(), nullable=False),
        sa.Column("estimated_litres", sa.BigInteger(), nullable=False),
        sa.Column("base_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("previous_litres", sa.BigInteger(), nullable=True),
        sa.Column("previous_days", sa.Integer(), nullable=True),
        sa.Column("previous_total_cents", sa.BigInteger(), nullable=True),
        sa.Column("open_exceptions", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_draft_bill")),
        sa.UniqueConstraint(
            "utility_id",
            "run_id",
            "contract_id",
            "period_from",
            name=op.f("uq_draft_bill_utility_id_run_id_contract_id_period_from"),
        ),
    )


def _fiscal_chain() -> None:
    op.create_table(
        "fiscal_chain",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("next_position", sa.BigInteger(), nullable=False),
        sa.Column("head", Json, nullable=True),
        sa.PrimaryKeyConstraint("utility_id", "system", name=op.f("pk_fiscal_chain")),
    )


def _fiscal_record() -> None:
    op.create_table(
        "fiscal_record",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("generated_at", UtcDateTime(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("config_id", sa.BigInteger(), nullable=False),
        sa.Column("says", Json, nullable=True),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_fiscal_record")),
        sa.UniqueConstraint(
            "utility_id", "system", "position", name=op.f("uq_fiscal_record_utility_id_system_position")
        ),
    )
    with op.batch_alter_table("fiscal_record", schema=None) as batch_op:
        batch_op.create_index(
            "ix_fiscal_record_later",
            ["utility_id", "invoice_id"],
            unique=False,
            postgresql_where=sa.text("id <> invoice_id"),
            sqlite_where=sa.text("id <> invoice_id"),
        )


def _invoice() -> None:
    op.create_table(
        "invoice",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("number_text", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=2), nullable=False),
        sa.Column("generation", sa.SmallInteger(), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("consumption_id", sa.BigInteger(), nullable=False),
        sa.Column("litres", sa.BigInteger(), nullable=False),
        sa.Column("base_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("operation_date", sa.Date(), nullable=True),
        sa.Column("rectifies", Json, nullable=True),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("utility_id", "series", "number", name=op.f("uq_invoice_utility_id_series_number")),
    )
    with op.batch_alter_table("invoice", schema=None) as batch_op:
        batch_op.create_index(
            "uq_invoice_contract_period",
            ["utility_id", "contract_id", "period_from", "kind", "generation"],
            unique=True,
        )


def _ledger_entry() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=200), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("utility_id", "transaction_id", "position", name=op.f("pk_ledger_entry")),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_entry_contract", ["utility_id", "contract_id"], unique=False)


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("utility_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("arrivals", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=36), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index("ix_quarantine_batch", ["device", "boot", "number"], unique=False)
        batch_op.create_index(batch_op.f("ix_quarantine_utility_id"), ["utility_id"], unique=False)
        batch_op.create_index(
            "uq_quarantine_open",
            ["key"],
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )


def _reading() -> None:
    op.create_table(
        "reading",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("meter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("litres", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("telegram_ms", sa.BigInteger(), nullable=True),
        sa.Column("telegram_id", sa.BigInteger(), nullable=True),
        sa.Column("visit_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("utility_id", "at_ms", "meter_id", "kind", "revision", name=op.f("pk_reading")),
        postgresql_partition_by="RANGE (at_ms)",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("reading", schema=None) as batch_op:
        batch_op.create_index("ix_reading_meter", ["utility_id", "meter_id", "at_ms"], unique=False)
        batch_op.create_index(
            "ix_reading_recorded",
            ["utility_id", "recorded_ms", "meter_id"],
            unique=False,
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on"},
        )


def _reading_day() -> None:
    op.create_table(
        "reading_day",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("meter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("litres", sa.BigInteger(), nullable=False),
        sa.Column("deltas", sa.LargeBinary(length=100), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("utility_id", "start_ms", "meter_id", name=op.f("pk_reading_day")),
        postgresql_partition_by="RANGE (start_ms)",
        sqlite_with_rowid=False,
    )


def _series() -> None:
    op.create_table(
        "series",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("utility_id", "code", name=op.f("pk_series")),
    )


def _shared_value() -> None:
    op.create_table(
        "shared_value",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_shared_value")),
    )


def _telegram() -> None:
    op.create_table(
        "telegram",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("meter_id", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("rssi_dbm", sa.SmallInteger(), nullable=True),
        sa.Column("receiver", sa.String(length=64), nullable=False),
        sa.Column("crc_checked_by", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("proof", sa.String(length=8), nullable=True),
        sa.Column("access_no", sa.SmallInteger(), nullable=True),
        sa.Column("litres", sa.BigInteger(), nullable=True),
        sa.Column("alarms", sa.String(length=200), nullable=False),
        sa.Column("mono_ns", sa.BigInteger(), nullable=False),
        sa.Column("clock_trusted", sa.Boolean(), nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("utility_id", "received_ms", "id", name=op.f("pk_telegram")),
        postgresql_partition_by="RANGE (received_ms)",
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("telegram", schema=None) as batch_op:
        batch_op.create_index(
            "ix_telegram_loose",
            ["utility_id", "address", "received_ms"],
            unique=False,
            postgresql_where=sa.text("meter_id IS NULL OR state IN ('key_missing', 'key_wrong', 'unsupported')"),
        )


def _telegram_explanation() -> None:
    op.create_table(
        "telegram_explanation",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("telegram_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decoder", sa.String(length=64), nullable=False),
        sa.Column("decoded", Json, nullable=False),
        sa.Column("spans", Json, nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("utility_id", "telegram_ms", "telegram_id", name=op.f("pk_telegram_explanation")),
    )


def _utility() -> None:
    op.create_table(
        "utility",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("nif", sa.String(length=64), nullable=False),
        sa.Column("ine_code", sa.String(length=64), nullable=False),
        sa.Column("address", Json, nullable=False),
        sa.Column("contact", Json, nullable=False),
        sa.Column("settings", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_utility")),
        sa.UniqueConstraint("code", name=op.f("uq_utility_code")),
    )


def _validation_mark() -> None:
    op.create_table(
        "validation_mark",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.Column("slow_ms", sa.BigInteger(), nullable=True),
        sa.Column("slow_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("utility_id", name=op.f("pk_validation_mark")),
    )


def _billing_run() -> None:
    op.create_table(
        "billing_run",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("cutoff_at", UtcDateTime(), nullable=False),
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("approved_by", sa.String(length=200), nullable=True),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("numbered_at", UtcDateTime(), nullable=True),
        sa.Column("issued_at", UtcDateTime(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("settings", Json, nullable=False),
        sa.Column("summary", Json, nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_billing_run_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_billing_run")),
        sa.UniqueConstraint("utility_id", "code", name=op.f("uq_billing_run_utility_id_code")),
    )


def _customer() -> None:
    op.create_table(
        "customer",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("nif", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("address", Json, nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_source", sa.String(length=200), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_customer_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_customer")),
        sa.UniqueConstraint("utility_id", "code", name=op.f("uq_customer_utility_id_code")),
    )


def _device() -> None:
    op.create_table(
        "device",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("enrolled_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("last_batch_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_device_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_device")),
        sa.UniqueConstraint("name", name=op.f("uq_device_name")),
    )


def _fiscal_correction() -> None:
    op.create_table(
        "fiscal_correction",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("corrects_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "corrects_id"],
            ["fiscal_record.utility_id", "fiscal_record.id"],
            name=op.f("fk_fiscal_correction_utility_id_corrects_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "record_id"],
            ["fiscal_record.utility_id", "fiscal_record.id"],
            name=op.f("fk_fiscal_correction_utility_id_record_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "record_id", name=op.f("pk_fiscal_correction")),
    )
    with op.batch_alter_table("fiscal_correction", schema=None) as batch_op:
        batch_op.create_index("ix_fiscal_correction_corrects", ["utility_id", "corrects_id"], unique=True)


def _fiscal_event() -> None:
    op.create_table(
        "fiscal_event",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=2), nullable=False),
        sa.Column("generated_at", UtcDateTime(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_fiscal_event_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_fiscal_event")),
        sa.UniqueConstraint("utility_id", "position", name=op.f("uq_fiscal_event_utility_id_position")),
    )


def _fiscal_regime() -> None:
    op.create_table(
        "fiscal_regime",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("fiscal", Json, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(length=200), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_fiscal_regime_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_fiscal_regime")),
    )


def _fiscal_sender() -> None:
    op.create_table(
        "fiscal_sender",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("next_position", sa.BigInteger(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("interrupted_since", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_fiscal_sender_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "system", name=op.f("pk_fiscal_sender")),
    )


def _fiscal_signature() -> None:
    op.create_table(
        "fiscal_signature",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "record_id"],
            ["fiscal_record.utility_id", "fiscal_record.id"],
            name=op.f("fk_fiscal_signature_utility_id_record_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "record_id", name=op.f("pk_fiscal_signature")),
    )


def _fiscal_submission() -> None:
    op.create_table(
        "fiscal_submission",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("prepared_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("verdict", sa.String(length=64), nullable=True),
        sa.Column("csv", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_fiscal_submission_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_fiscal_submission")),
    )
    with op.batch_alter_table("fiscal_submission", schema=None) as batch_op:
        batch_op.create_index("ix_fiscal_submission_place", ["utility_id", "system", "first_position"], unique=True)
        batch_op.create_index("ix_fiscal_submission_state", ["utility_id", "system", "state"], unique=False)


def _invoice_document() -> None:
    op.create_table(
        "invoice_document",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "invoice_id"],
            ["invoice.utility_id", "invoice.id"],
            name=op.f("fk_invoice_document_utility_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "invoice_id", "language", name=op.f("pk_invoice_document")),
    )


def _ledger_transaction() -> None:
    op.create_table(
        "ledger_transaction",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=True),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_ledger_transaction_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_ledger_transaction")),
        sa.UniqueConstraint("utility_id", "key", name=op.f("uq_ledger_transaction_utility_id_key")),
    )
    with op.batch_alter_table("ledger_transaction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_transaction_invoice_id"), ["invoice_id"], unique=False)


def _login_refusal() -> None:
    op.create_table(
        "login_refusal",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_login_refusal_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_login_refusal")),
    )
    with op.batch_alter_table("login_refusal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_refusal_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_login_refusal_key"), ["key"], unique=False)


def _meter() -> None:
    op.create_table(
        "meter",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("calibre_mm", sa.SmallInteger(), nullable=False),
        sa.Column("q3_litres_hour", sa.Integer(), nullable=True),
        sa.Column("modulus_litres", sa.BigInteger(), nullable=False),
        sa.Column("radio", sa.Boolean(), nullable=False),
        sa.Column("made_year", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_meter_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_meter")),
        sa.UniqueConstraint("utility_id", "address", name=op.f("uq_meter_utility_id_address")),
        sa.UniqueConstraint("utility_id", "serial", name=op.f("uq_meter_utility_id_serial")),
    )


def _quality_count() -> None:
    op.create_table(
        "quality_count",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("dismissed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_quality_count_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "rule", "day", name=op.f("pk_quality_count")),
    )


def _quality_issue() -> None:
    op.create_table(
        "quality_issue",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("cleared_at", UtcDateTime(), nullable=True),
        sa.Column("assigned_to", sa.String(length=64), nullable=True),
        sa.Column("dismissed_at", UtcDateTime(), nullable=True),
        sa.Column("dismissed_by", sa.String(length=64), nullable=True),
        sa.Column("dismissed_reason", sa.Text(), nullable=False),
        sa.Column("dismissed_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_quality_issue_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_quality_issue")),
        sa.UniqueConstraint("utility_id", "rule", "subject", name=op.f("uq_quality_issue_utility_id_rule_subject")),
    )


def _refund_order() -> None:
    op.create_table(
        "refund_order",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("execute_on", sa.Date(), nullable=False),
        sa.Column("debtor_iban", sa.String(length=34), nullable=False),
        sa.Column("transfers", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_refund_order_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_refund_order")),
    )
    with op.batch_alter_table("refund_order", schema=None) as batch_op:
        batch_op.create_index("uq_refund_order_code", ["utility_id", "code"], unique=True)


def _register_import() -> None:
    op.create_table(
        "register_import",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("fates", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("counts", Json, nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=200), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("without_refused", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_register_import_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_register_import")),
    )


def _supply_point() -> None:
    op.create_table(
        "supply_point",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("street", sa.String(length=200), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("postal_code", sa.String(length=64), nullable=False),
        sa.Column("ine_code", sa.String(length=64), nullable=False),
        sa.Column("cadastral_ref", sa.String(length=20), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("lat_e7", sa.Integer(), nullable=True),
        sa.Column("lon_e7", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_supply_point_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_supply_point")),
        sa.UniqueConstraint("utility_id", "code", name=op.f("uq_supply_point_utility_id_code")),
    )


def _tariff_assignment() -> None:
    op.create_table(
        "tariff_assignment",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tariff", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_tariff_assignment_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_tariff_assignment")),
    )


def _tariff_version() -> None:
    op.create_table(
        "tariff_version",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tariff", sa.String(length=64), nullable=False),
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_tariff_version_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_tariff_version")),
        sa.UniqueConstraint(
            "utility_id", "tariff", "version", name=op.f("uq_tariff_version_utility_id_tariff_version")
        ),
    )


def _visit() -> None:
    op.create_table(
        "visit",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("meter_id", sa.BigInteger(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("litres", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(length=2), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("replaces_item", sa.BigInteger(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("clock_trusted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_visit_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_visit")),
    )
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.create_index("ix_visit_item", ["utility_id", "device_id", "item"], unique=False)
        batch_op.create_index("ix_visit_supply", ["utility_id", "supply_point_id", "at_ms"], unique=False)


def _webhook_endpoint() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("events", Json, nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("served_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_webhook_endpoint_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_webhook_endpoint")),
    )


def _webhook_event() -> None:
    op.create_table(
        "webhook_event",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_webhook_event_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_webhook_event")),
    )
    with op.batch_alter_table("webhook_event", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_event_at", ["utility_id", "at"], unique=False)


def _bank_account() -> None:
    op.create_table(
        "bank_account",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=False),
        sa.Column("mandate_ref", sa.String(length=35), nullable=True),
        sa.Column("mandate_signed_on", sa.Date(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_bank_account_valid_range")),
        sa.ForeignKeyConstraint(
            ["utility_id", "customer_id"],
            ["customer.utility_id", "customer.id"],
            name=op.f("fk_bank_account_utility_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_bank_account_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_bank_account")),
    )
    with op.batch_alter_table("bank_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bank_account_customer_id"), ["customer_id"], unique=False)


def _bulk_member() -> None:
    op.create_table(
        "bulk_member",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bulk_point_id", sa.BigInteger(), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_bulk_member_valid_range")),
        sa.CheckConstraint("weight > 0", name=op.f("ck_bulk_member_positive_weight")),
        sa.ForeignKeyConstraint(
            ["utility_id", "bulk_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_bulk_member_utility_id_bulk_point_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_bulk_member_utility_id_supply_point_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_bulk_member_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_bulk_member")),
    )
    with op.batch_alter_table("bulk_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulk_member_bulk_point_id"), ["bulk_point_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_bulk_member_supply_point_id"), ["supply_point_id"], unique=False)


def _bulk_supply() -> None:
    op.create_table(
        "bulk_supply",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_bulk_supply_valid_range")),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_bulk_supply_utility_id_supply_point_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_bulk_supply_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_bulk_supply")),
    )
    with op.batch_alter_table("bulk_supply", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulk_supply_supply_point_id"), ["supply_point_id"], unique=False)


def _contract() -> None:
    op.create_table(
        "contract",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_contract_valid_range")),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_contract_utility_id_supply_point_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_contract_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_contract")),
        sa.UniqueConstraint("utility_id", "code", name=op.f("uq_contract_utility_id_code")),
    )
    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_supply_point_id"), ["supply_point_id"], unique=False)


def _device_event() -> None:
    op.create_table(
        "device_event",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "device_id"],
            ["device.utility_id", "device.id"],
            name=op.f("fk_device_event_utility_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_device_event_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_device_event")),
    )
    with op.batch_alter_table("device_event", schema=None) as batch_op:
        batch_op.create_index("ix_device_event_device", ["utility_id", "device_id", "at_ms"], unique=False)


def _device_mail() -> None:
    op.create_table(
        "device_mail",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("route_id", sa.BigInteger(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "device_id"],
            ["device.utility_id", "device.id"],
            name=op.f("fk_device_mail_utility_id_device_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "device_id", "kind", name=op.f("pk_device_mail")),
    )


def _draft_block() -> None:
    op.create_table(
        "draft_block",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "run_id"],
            ["billing_run.utility_id", "billing_run.id"],
            name=op.f("fk_draft_block_utility_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "run_id", "partition", name=op.f("pk_draft_block")),
    )


def _finding() -> None:
    op.create_table(
        "finding",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=True),
        sa.Column("meter_id", sa.BigInteger(), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("numbers", Json, nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_finding_utility_id_supply_point_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_finding_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_finding")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index("ix_finding_supply", ["utility_id", "supply_point_id"], unique=False)
        batch_op.create_index("uq_finding_rule", ["utility_id", "rule", "subject", "since_ms"], unique=True)


def _fiscal_outcome() -> None:
    op.create_table(
        "fiscal_outcome",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("submission_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=64), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("duplicate", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "record_id"],
            ["fiscal_record.utility_id", "fiscal_record.id"],
            name=op.f("fk_fiscal_outcome_utility_id_record_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "submission_id"],
            ["fiscal_submission.utility_id", "fiscal_submission.id"],
            name=op.f("fk_fiscal_outcome_utility_id_submission_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "record_id", name=op.f("pk_fiscal_outcome")),
    )
    with op.batch_alter_table("fiscal_outcome", schema=None) as batch_op:
        batch_op.create_index("ix_fiscal_outcome_verdict", ["utility_id", "verdict", "record_id"], unique=False)


def _ingest_batch() -> None:
    op.create_table(
        "ingest_batch",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.String(length=36), nullable=False),
        sa.Column("os_boot", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "device_id"],
            ["device.utility_id", "device.id"],
            name=op.f("fk_ingest_batch_utility_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_ingest_batch_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_ingest_batch")),
    )
    with op.batch_alter_table("ingest_batch", schema=None) as batch_op:
        batch_op.create_index(
            "uq_ingest_batch_device_boot_number", ["utility_id", "device_id", "boot", "number"], unique=True
        )


def _installation() -> None:
    op.create_table(
        "installation",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("meter_id", sa.BigInteger(), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("to_ms IS NULL OR to_ms >= from_ms", name=op.f("ck_installation_valid_range")),
        sa.ForeignKeyConstraint(
            ["utility_id", "meter_id"],
            ["meter.utility_id", "meter.id"],
            name=op.f("fk_installation_utility_id_meter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_installation_utility_id_supply_point_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_installation_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_installation")),
    )
    with op.batch_alter_table("installation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_installation_meter_id"), ["meter_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_installation_supply_point_id"), ["supply_point_id"], unique=False)


def _meter_key() -> None:
    op.create_table(
        "meter_key",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("meter_id", sa.BigInteger(), nullable=False),
        sa.Column("kek", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=12), nullable=False),
        sa.Column("sealed", sa.LargeBinary(length=64), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "meter_id"], ["meter.utility_id", "meter.id"], name=op.f("fk_meter_key_utility_id_meter_id")
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_meter_key_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_meter_key")),
    )
    with op.batch_alter_table("meter_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_meter_key_meter_id"), ["meter_id"], unique=False)


def _order_report() -> None:
    op.create_table(
        "order_report",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("order_code", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=2), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("doubt", sa.String(length=200), nullable=False),
        sa.Column("supply", sa.String(length=64), nullable=False),
        sa.Column("meter", sa.String(length=64), nullable=False),
        sa.Column("litres", sa.BigInteger(), nullable=True),
        sa.Column("new_serial", sa.String(length=64), nullable=False),
        sa.Column("new_address", sa.String(length=64), nullable=False),
        sa.Column("new_litres", sa.BigInteger(), nullable=True),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("photos", Json, nullable=False),
        sa.Column("lat_e7", sa.Integer(), nullable=True),
        sa.Column("lon_e7", sa.Integer(), nullable=True),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("kek", sa.String(length=64), nullable=True),
        sa.Column("nonce", sa.LargeBinary(length=12), nullable=True),
        sa.Column("sealed", sa.LargeBinary(length=64), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("settled_by", sa.String(length=200), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "device_id"],
            ["device.utility_id", "device.id"],
            name=op.f("fk_order_report_utility_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_order_report_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_order_report")),
        sa.UniqueConstraint("utility_id", "batch_id", "item", name=op.f("uq_order_report_utility_id_batch_id_item")),
    )
    with op.batch_alter_table("order_report", schema=None) as batch_op:
        batch_op.create_index("ix_order_report_order", ["utility_id", "order_id"], unique=False)
        batch_op.create_index("ix_order_report_status", ["utility_id", "status"], unique=False)


def _receiver() -> None:
    op.create_table(
        "receiver",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "device_id"],
            ["device.utility_id", "device.id"],
            name=op.f("fk_receiver_utility_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_receiver_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_receiver")),
        sa.UniqueConstraint("utility_id", "device_id", "name", name=op.f("uq_receiver_utility_id_device_id_name")),
    )


def _route() -> None:
    op.create_table(
        "route",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("closed_list", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "device_id"], ["device.utility_id", "device.id"], name=op.f("fk_route_utility_id_device_id")
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_route_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_route")),
        sa.UniqueConstraint("utility_id", "code", name=op.f("uq_route_utility_id_code")),
    )


def _run_partition() -> None:
    op.create_table(
        "run_partition",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_contract", sa.BigInteger(), nullable=False),
        sa.Column("last_contract", sa.BigInteger(), nullable=False),
        sa.Column("contracts", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("bills", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("homes", sa.Integer(), nullable=False),
        sa.Column("home_litres", sa.BigInteger(), nullable=False),
        sa.Column("first_number", sa.BigInteger(), nullable=True),
        sa.Column("chain_position", sa.BigInteger(), nullable=True),
        sa.Column("chain_previous", Json, nullable=True),
        sa.Column("chain_hashes", sa.LargeBinary(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "run_id"],
            ["billing_run.utility_id", "billing_run.id"],
            name=op.f("fk_run_partition_utility_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "run_id", "number", name=op.f("pk_run_partition")),
    )


def _user() -> None:
    op.create_table(
        "user",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "customer_id"],
            ["customer.utility_id", "customer.id"],
            name=op.f("fk_user_utility_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_user_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_user")),
        sa.UniqueConstraint("utility_id", "login", name=op.f("uq_user_utility_id_login")),
    )


def _webhook_delivery() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "endpoint_id"],
            ["webhook_endpoint.utility_id", "webhook_endpoint.id"],
            name=op.f("fk_webhook_delivery_utility_id_endpoint_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "event_id"],
            ["webhook_event.utility_id", "webhook_event.id"],
            name=op.f("fk_webhook_delivery_utility_id_event_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_webhook_delivery_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_webhook_delivery")),
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_delivery_event", ["utility_id", "event_id"], unique=False)
        batch_op.create_index(
            "ix_webhook_delivery_queue", ["utility_id", "endpoint_id", "state", "due_at"], unique=False
        )


def _webhook_secret() -> None:
    op.create_table(
        "webhook_secret",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("kek", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=12), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "endpoint_id"],
            ["webhook_endpoint.utility_id", "webhook_endpoint.id"],
            name=op.f("fk_webhook_secret_utility_id_endpoint_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_webhook_secret_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_webhook_secret")),
    )
    with op.batch_alter_table("webhook_secret", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_secret_endpoint", ["utility_id", "endpoint_id"], unique=False)


def _api_answer() -> None:
    op.create_table(
        "api_answer",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("route", sa.String(length=64), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_api_answer_utility_id_user_id")
        ),
        sa.PrimaryKeyConstraint("utility_id", "user_id", "key", name=op.f("pk_api_answer")),
    )


def _api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_api_token_utility_id_user_id")
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_api_token_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_token_user_id"), ["user_id"], unique=False)


def _contract_case() -> None:
    op.create_table(
        "contract_case",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("procedure", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("opened_by", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=200), nullable=True),
        sa.Column("closed_why", sa.Text(), nullable=True),
        sa.Column("result", Json, nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_contract_case_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_contract_case_utility_id_supply_point_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_contract_case_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_contract_case")),
        sa.UniqueConstraint("utility_id", "number", name=op.f("uq_contract_case_utility_id_number")),
    )
    with op.batch_alter_table("contract_case", schema=None) as batch_op:
        batch_op.create_index("ix_contract_case_contract", ["utility_id", "contract_id"], unique=False)
        batch_op.create_index("ix_contract_case_state", ["utility_id", "state", "opened_at"], unique=False)
        batch_op.create_index("ix_contract_case_supply", ["utility_id", "supply_point_id"], unique=False)


def _contract_holder() -> None:
    op.create_table(
        "contract_holder",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_contract_holder_valid_range")),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_contract_holder_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "customer_id"],
            ["customer.utility_id", "customer.id"],
            name=op.f("fk_contract_holder_utility_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_contract_holder_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_contract_holder")),
    )
    with op.batch_alter_table("contract_holder", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_holder_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_contract_holder_customer_id"), ["customer_id"], unique=False)


def _contract_terms() -> None:
    op.create_table(
        "contract_terms",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("use", sa.String(length=64), nullable=False),
        sa.Column("dwellings", sa.SmallInteger(), nullable=False),
        sa.Column("premises", sa.SmallInteger(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=True),
        sa.Column("groups", Json, nullable=False),
        sa.Column("bonuses", Json, nullable=False),
        sa.Column("parameters", Json, nullable=False),
        sa.Column("habitual_home", sa.Boolean(), nullable=False),
        sa.Column("vulnerable", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_contract_terms_valid_range")),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_contract_terms_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_contract_terms_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_contract_terms")),
    )
    with op.batch_alter_table("contract_terms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_terms_contract_id"), ["contract_id"], unique=False)


def _cut_fact() -> None:
    op.create_table(
        "cut_fact",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("cents", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_cut_fact_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_cut_fact_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_cut_fact")),
    )
    with op.batch_alter_table("cut_fact", schema=None) as batch_op:
        batch_op.create_index("ix_cut_fact_contract", ["utility_id", "contract_id"], unique=False)


def _draft_exception() -> None:
    op.create_table(
        "draft_exception",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("numbers", Json, nullable=False),
        sa.Column("waived_by", sa.String(length=200), nullable=True),
        sa.Column("waived_at", UtcDateTime(), nullable=True),
        sa.Column("waived_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_draft_exception_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "run_id"],
            ["billing_run.utility_id", "billing_run.id"],
            name=op.f("fk_draft_exception_utility_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "run_id", "contract_id", "code", name=op.f("pk_draft_exception")),
    )
    with op.batch_alter_table("draft_exception", schema=None) as batch_op:
        batch_op.create_index("ix_draft_exception_code", ["utility_id", "run_id", "code", "contract_id"], unique=False)


def _factor_grace() -> None:
    op.create_table(
        "factor_grace",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_factor_grace_utility_id_user_id")
        ),
        sa.PrimaryKeyConstraint("utility_id", "user_id", name=op.f("pk_factor_grace")),
    )


def _known_browser() -> None:
    op.create_table(
        "known_browser",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_known_browser_utility_id_user_id")
        ),
        sa.PrimaryKeyConstraint("utility_id", "token_hash", "user_id", name=op.f("pk_known_browser")),
    )


def _login_session() -> None:
    op.create_table(
        "login_session",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("factor_at", UtcDateTime(), nullable=True),
        sa.Column("proved_at", UtcDateTime(), nullable=True),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_login_session_utility_id_user_id")
        ),
        sa.PrimaryKeyConstraint("utility_id", "token_hash", name=op.f("pk_login_session")),
        sa.UniqueConstraint("utility_id", "id", name=op.f("uq_login_session_utility_id_id")),
    )
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_session_user_id"), ["user_id"], unique=False)


def _passkey() -> None:
    op.create_table(
        "passkey",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_passkey_utility_id_user_id")
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_passkey_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("utility_id", "credential_id", name=op.f("uq_passkey_utility_id_credential_id")),
    )
    with op.batch_alter_table("passkey", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_passkey_user_id"), ["user_id"], unique=False)


def _passkey_challenge() -> None:
    op.create_table(
        "passkey_challenge",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"],
            ["user.utility_id", "user.id"],
            name=op.f("fk_passkey_challenge_utility_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "challenge", name=op.f("pk_passkey_challenge")),
    )


def _password_link() -> None:
    op.create_table(
        "password_link",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_password_link_utility_id_user_id")
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_password_link_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_password_link")),
        sa.UniqueConstraint("utility_id", "token_hash", name=op.f("uq_password_link_utility_id_token_hash")),
    )
    with op.batch_alter_table("password_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_password_link_user_id"), ["user_id"], unique=False)


def _recovery_code() -> None:
    op.create_table(
        "recovery_code",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("digit", sa.SmallInteger(), nullable=False),
        sa.Column("code_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_recovery_code_utility_id_user_id")
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_recovery_code_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_recovery_code")),
    )
    with op.batch_alter_table("recovery_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_code_user_id"), ["user_id"], unique=False)


def _rectification() -> None:
    op.create_table(
        "rectification",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=2), nullable=False),
        sa.Column("method", sa.String(length=1), nullable=False),
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(length=200), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_rectification_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_rectification_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_rectification")),
    )


def _refund() -> None:
    op.create_table(
        "refund",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_why", sa.Text(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("paid_by", sa.String(length=200), nullable=True),
        sa.Column("paid_at", UtcDateTime(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("returned_why", sa.Text(), nullable=True),
        sa.CheckConstraint("cents > 0", name=op.f("ck_refund_positive_cents")),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_refund_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "customer_id"],
            ["customer.utility_id", "customer.id"],
            name=op.f("fk_refund_utility_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "order_id"],
            ["refund_order.utility_id", "refund_order.id"],
            name=op.f("fk_refund_utility_id_order_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_refund_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_refund")),
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_order_id"), ["order_id"], unique=False)


def _route_plan() -> None:
    op.create_table(
        "route_plan",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("route_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("round", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("metres", sa.Integer(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "route_id"], ["route.utility_id", "route.id"], name=op.f("fk_route_plan_utility_id_route_id")
        ),
        sa.PrimaryKeyConstraint("utility_id", "route_id", name=op.f("pk_route_plan")),
    )
    with op.batch_alter_table("route_plan", schema=None) as batch_op:
        batch_op.create_index("ix_route_plan_round", ["utility_id", "round"], unique=False)


def _route_stop() -> None:
    op.create_table(
        "route_stop",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("route_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("hint", sa.String(length=200), nullable=False),
        sa.Column("weight", sa.SmallInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "route_id"], ["route.utility_id", "route.id"], name=op.f("fk_route_stop_utility_id_route_id")
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_route_stop_utility_id_supply_point_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "route_id", "position", name=op.f("pk_route_stop")),
    )


def _supply_share() -> None:
    op.create_table(
        "supply_share",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_supply_share_valid_range")),
        sa.CheckConstraint("weight > 0", name=op.f("ck_supply_share_positive_weight")),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_supply_share_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_supply_share_utility_id_supply_point_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_supply_share_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_supply_share")),
    )
    with op.batch_alter_table("supply_share", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_supply_share_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_supply_share_supply_point_id"), ["supply_point_id"], unique=False)


def _totp_secret() -> None:
    op.create_table(
        "totp_secret",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kek", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=12), nullable=False),
        sa.Column("sealed", sa.LargeBinary(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "user_id"], ["user.utility_id", "user.id"], name=op.f("fk_totp_secret_utility_id_user_id")
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_totp_secret_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_totp_secret")),
    )
    with op.batch_alter_table("totp_secret", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_totp_secret_user_id"), ["user_id"], unique=False)


def _webhook_attempt() -> None:
    op.create_table(
        "webhook_attempt",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "delivery_id"],
            ["webhook_delivery.utility_id", "webhook_delivery.id"],
            name=op.f("fk_webhook_attempt_utility_id_delivery_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "delivery_id", "number", name=op.f("pk_webhook_attempt")),
    )


def _work_order() -> None:
    op.create_table(
        "work_order",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("supply_point_id", sa.BigInteger(), nullable=False),
        sa.Column("meter_id", sa.BigInteger(), nullable=True),
        sa.Column("contract_id", sa.BigInteger(), nullable=True),
        sa.Column("finding_id", sa.BigInteger(), nullable=True),
        sa.Column("route_id", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.BigInteger(), nullable=True),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("due_by", UtcDateTime(), nullable=True),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_work_order_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "device_id"],
            ["device.utility_id", "device.id"],
            name=op.f("fk_work_order_utility_id_device_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "finding_id"],
            ["finding.utility_id", "finding.id"],
            name=op.f("fk_work_order_utility_id_finding_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "meter_id"], ["meter.utility_id", "meter.id"], name=op.f("fk_work_order_utility_id_meter_id")
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "route_id"], ["route.utility_id", "route.id"], name=op.f("fk_work_order_utility_id_route_id")
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "supply_point_id"],
            ["supply_point.utility_id", "supply_point.id"],
            name=op.f("fk_work_order_utility_id_supply_point_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_work_order_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_work_order")),
        sa.UniqueConstraint("utility_id", "code", name=op.f("uq_work_order_utility_id_code")),
    )
    with op.batch_alter_table("work_order", schema=None) as batch_op:
        batch_op.create_index("ix_work_order_device", ["utility_id", "device_id", "status"], unique=False)
        batch_op.create_index("ix_work_order_status", ["utility_id", "status", "id"], unique=False)
        batch_op.create_index("ix_work_order_supply", ["utility_id", "supply_point_id"], unique=False)


def _contract_case_document() -> None:
    op.create_table(
        "contract_case_document",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "case_id"],
            ["contract_case.utility_id", "contract_case.id"],
            name=op.f("fk_contract_case_document_utility_id_case_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_contract_case_document_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_contract_case_document")),
    )
    with op.batch_alter_table("contract_case_document", schema=None) as batch_op:
        batch_op.create_index("ix_contract_case_document_case", ["utility_id", "case_id"], unique=False)


def _contract_charge() -> None:
    op.create_table(
        "contract_charge",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["utility_id", "case_id"],
            ["contract_case.utility_id", "contract_case.id"],
            name=op.f("fk_contract_charge_utility_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "contract_id"],
            ["contract.utility_id", "contract.id"],
            name=op.f("fk_contract_charge_utility_id_contract_id"),
        ),
        sa.ForeignKeyConstraint(["utility_id"], ["utility.id"], name=op.f("fk_contract_charge_utility_id")),
        sa.PrimaryKeyConstraint("utility_id", "id", name=op.f("pk_contract_charge")),
        sa.UniqueConstraint(
            "utility_id",
            "contract_id",
            "code",
            "charged_on",
            name=op.f("uq_contract_charge_utility_id_contract_id_code_charged_on"),
        ),
    )


def _rectification_item() -> None:
    op.create_table(
        "rectification_item",
        sa.Column("utility_id", sa.Integer(), nullable=False),
        sa.Column("rectification_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("before_cents", sa.BigInteger(), nullable=False),
        sa.Column("after_cents", sa.BigInteger(), nullable=False),
        sa.Column("draft", Json, nullable=False),
        sa.Column("result_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["utility_id", "invoice_id"],
            ["invoice.utility_id", "invoice.id"],
            name=op.f("fk_rectification_item_utility_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "rectification_id"],
            ["rectification.utility_id", "rectification.id"],
            name=op.f("fk_rectification_item_utility_id_rectification_id"),
        ),
        sa.ForeignKeyConstraint(
            ["utility_id", "result_id"],
            ["invoice.utility_id", "invoice.id"],
            name=op.f("fk_rectification_item_utility_id_result_id"),
        ),
        sa.PrimaryKeyConstraint("utility_id", "rectification_id", "position", name=op.f("pk_rectification_item")),
    )
    with op.batch_alter_table("rectification_item", schema=None) as batch_op:
        batch_op.create_index("ix_rectification_item_invoice", ["utility_id", "invoice_id"], unique=False)
        batch_op.create_index("uq_rectification_item_result", ["utility_id", "result_id"], unique=True)
