"""What Prometheus reads of serving."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gts.platform.cascade import Cascade

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_LOAD_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 30)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ServingMetrics:
    """Counts of one process.

    The label ``model`` is empty where a model was asked for that does not exist: names that anybody may invent must not fill
    the memory.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a third of the lines, which nobody reads
        self.registry = CollectorRegistry()
        by_model = ("model",)
        self.requests = Counter(
            "gts_predict_requests",
            "Prediction requests by how they ended: ok, or the code of the error.",
            ("model", "outcome"),
            registry=self.registry,
        )
        self.rows = Counter(
            "gts_predict_rows", "Texts, pairs or other rows answered.", by_model, registry=self.registry
        )
        self.seconds = Histogram(
            "gts_predict_seconds",
            "Seconds from a request that was understood to its answer.",
            by_model,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batch_requests = Histogram(
            "gts_batch_requests",
            "Requests, or parts of large ones, answered in one call of a student.",
            by_model,
            buckets=_COUNTS,
            registry=self.registry,
        )
        self.batch_rows = Histogram(
            "gts_batch_rows",
            "Rows answered in one call of a student.",
            by_model,
            buckets=_COUNTS,
            registry=self.registry,
        )
        self.batch_seconds = Counter(
            "gts_batch_seconds", "Seconds spent in calls of a student.", by_model, registry=self.registry
        )
        self.cascade_rows = Counter(
            "gts_cascade_rows",
            "Rows asked with a bound on errors, by who answered them.",
            ("model", "by"),
            registry=self.registry,
        )
        self.cascade_money = Counter(
            "gts_cascade_money", "What language models cost that answered.", by_model, registry=self.registry
        )
        self.load_seconds = Histogram(
            "gts_student_load_seconds",
            "Seconds to bring a student into memory.",
            by_model,
            buckets=_LOAD_SECONDS,
            registry=self.registry,
        )
        self.dropped = Counter(
            "gts_students_dropped",
            "Students dropped to make room for others.",
            by_model,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def cascaded(self, model: str, found: Cascade) -> None:
        """Count who answered."""
        nobody = len(found.answers) - found.student - found.teacher
        for by, count in (("student", found.student), ("teacher", found.teacher), ("nobody", nobody)):
            self.cascade_rows.labels(model, by).inc(count)
        self.cascade_money.labels(model).inc(found.money)

    def watch(self, gauges: Iterable[Gauge]) -> None:
        """Add numbers that are looked up when Prometheus asks."""
        self.registry.register(_Gauges(tuple(gauges)))

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


class Gauge:
    """A number that is looked up.

    Args:
        name: Its name.
        help: What it is.
        read: Gives it, or one for each model.
    """

    def __init__(self, name: str, help: str, read: Callable[[], float | Mapping[str, float]]) -> None:
        self.name = name
        self.help = help
        self.read = read


class _Gauges(Collector):
    def __init__(self, gauges: tuple[Gauge, ...]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        for gauge in self._gauges:
            value = gauge.read()
            if isinstance(value, Mapping):
                family = GaugeMetricFamily(gauge.name, gauge.help, labels=("model",))
                for model, one in value.items():
                    family.add_metric((model,), one)
            else:
                family = GaugeMetricFamily(gauge.name, gauge.help, value=value)
            yield family
