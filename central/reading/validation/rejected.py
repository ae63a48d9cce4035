"""Findings from readings that ingest rejected: one for each meter and cause, with how many there are."""

from collections.abc import Iterator

from central.reading.findings import FOR_EVER_MS, Found
from central.reading.validation.series import Series
from central.store.models import ReadingStatus


def rejected_by_meter(series: Series, cause: str, rule: str, severity: str, what: str) -> Iterator[Found]:
    """Findings about rejected readings whose reason begins with ``cause``."""
    rows_of: dict[int, list[int]] = {}
    for row, reason in sorted(series.reasons.items()):
        if reason.startswith(cause) and series.status[row] == int(ReadingStatus.REJECTED):
            rows_of.setdefault(int(series.meter_of_row[row]), []).append(row)
    for place, rows in rows_of.items():
        meter = series.meters[place]
        yield Found(
            rule=rule,
            severity=severity,
            subject=meter.address,
            since_ms=int(series.at_ms[rows[0]]),
            until_ms=int(series.at_ms[rows[-1]]),
            text=f"meter {meter.address}: {len(rows)} {what}; the last: {series.reasons[rows[-1]]}",
            meter_id=meter.id,
            supply_point_id=meter.supply_point_at(series.now_ms),
            numbers={"readings": len(rows)},
            joins_ms=FOR_EVER_MS,
        )
