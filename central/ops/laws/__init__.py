"""What must always hold of a database, one function a law; ``sgc audit`` checks them all."""

from central.ops.laws.chain import chains_are_unbroken, invoices_have_records
from central.ops.laws.events import events_are_chained
from central.ops.laws.evidence import litres_have_evidence
from central.ops.laws.invoices import bills_follow_again, invoices_are_complete, invoices_are_their_lines, vat_is_right
from central.ops.laws.law import Case, Law, Report
from central.ops.laws.ledger import credits_follow_bills, invoices_are_posted, transactions_balance
from central.ops.laws.numbers import dates_follow_numbers, series_have_no_gaps
from central.ops.laws.orders import done_orders_are_in_the_register
from central.ops.laws.periods import closings_open_the_next, days_are_billed_once
from central.ops.laws.rectifications import rectifications_come_to_the_right_bill, rectifications_have_originals
from central.ops.laws.refunds import orders_pay_what_was_decided, refunds_are_posted
from central.ops.laws.rows import (
    audit_log_is_unbroken,
    guards_stand,
    no_orphans,
    runs_are_whole,
    shared_values_are_whole,
)
from central.ops.laws.telegrams import telegrams_say_their_readings

__all__ = ["LAWS", "Case", "Law", "Report"]

LAWS = (
    Law("ledger_balances", "cada asiento suma cero", transactions_balance),
    Law("invoices_posted", "cada factura está cargada una vez, por su total", invoices_are_posted),
    Law("credits", "lo que un asiento abona son las líneas y el IVA de sus facturas", credits_follow_bills),
    Law("invoice_lines", "cada factura es la suma de sus líneas", invoices_are_their_lines),
    Law("vat", "el IVA es el de su base", vat_is_right),
    Law("invoice_content", "cada factura dice lo que exige el RD 1619/2012", invoices_are_complete),
    Law("bills_follow_again", "cada factura vuelve a salir de su caso y su tarifa", bills_follow_again),
    Law(
        "rectified_right",
        "original y rectificativas suman la factura correcta, calculada otra vez",
        rectifications_come_to_the_right_bill,
    ),
    Law(
        "rectified_once",
        "cada rectificativa nombra lo que regía; nada se sustituye dos veces",
        rectifications_have_originals,
    ),
    Law("refunds_posted", "cada devolución está en el libro hasta donde ha llegado", refunds_are_posted),
    Law("refund_orders", "cada orden de transferencia paga lo que se decidió", orders_pay_what_was_decided),
    Law("numbers", "las series no tienen huecos ni repetidos", series_have_no_gaps),
    Law("dates", "las fechas no bajan cuando suben los números", dates_follow_numbers),
    Law("fiscal_chain", "la cadena de registros fiscales no está rota", chains_are_unbroken),
    Law("fiscal_records", "cada factura tiene su registro fiscal", invoices_have_records),
    Law("fiscal_events", "el registro de eventos no está roto", events_are_chained),
    Law("litres", "cada litro facturado tiene lecturas o una estimación", litres_have_evidence),
    Law("readings_chain", "la lectura que cierra una factura abre la siguiente", closings_open_the_next),
    Law("billed_once", "ningún día se factura dos veces", days_are_billed_once),
    Law("telegrams", "cada telegrama dice lo que dice su lectura", telegrams_say_their_readings),
    Law("work_orders", "cada orden hecha está en el padrón, una vez", done_orders_are_in_the_register),
    Law("runs", "cada facturación emitida está entera", runs_are_whole),
    Law("shared_values", "lo que comparten las facturas es lo que dice su huella", shared_values_are_whole),
    Law("orphans", "ninguna fila nombra a otra que no existe", no_orphans),
    Law("audit_log", "el registro de auditoría no está roto", audit_log_is_unbroken),
    Law("guards", "la base de datos impide cambiar lo registrado", guards_stand),
)
