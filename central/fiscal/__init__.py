"""The way of fiscal records to the tax agency: a durable queue, its answers, and what staff do about rejections."""
