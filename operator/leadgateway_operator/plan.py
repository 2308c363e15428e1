"""What is to be: the version of each LeadRoute that runs, and what is said of those that do not.

A pure function of LeadRoutes, ControllerRevisions and Secrets: an operator that starts afresh, or a second one, comes
to the same plan, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from leadgateway.route.problem import Problem
from leadgateway.route.snapshot import Credentials, RouteKey
from leadgateway_operator.admit import DEFAULT, Admission, Claimant, Conflict, Crowded, Denial, admit
from leadgateway_operator.conditions import Condition, ConditionType, Reason, Truth
from leadgateway_operator.credentials import Missing, Secrets, Unusable, resolve
from leadgateway_operator.evaluate import Flawed, Sound, Version
from leadgateway_operator.observed import Observed, ObservedRevision, ObservedRoute
from leadgateway_operator.packing import Packed

SOFT_LIMIT = 900 * 1024
HARD_LIMIT = 1000 * 1024
"""Bytes of a shard; the API server's limit for a ConfigMap or Secret is 1024 KiB."""

VersionKey = tuple[str, int]
"""UID of a LeadRoute and the generation."""

Versions = Mapping[VersionKey, Version]
Pack = Callable[[ObservedRoute, int, Version, Credentials | None], Packed]
"""Makes a version (of that generation) ready to be published; without credentials so that no pod loads it."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec to be judged."""

    namespace: str
    name: str
    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Running:
    """What the pods are to run of a LeadRoute."""

    generation: int
    paused: bool
    packed: Packed


@dataclass(frozen=True, slots=True)
class Standing:
    """What becomes of one LeadRoute; whether the pods have followed is another matter (see `status`)."""

    route: ObservedRoute
    accepted: Condition
    tests_passed: Condition
    running: Running | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be.

    Attributes:
        standings: By UID.
        to_record: LeadRoutes whose current spec is accepted and not kept in a ControllerRevision yet.
        obsolete: ControllerRevisions that newer ones replace.
        displaced: LeadRoutes that ran and find no room in their shard any more.
    """

    standings: Mapping[str, Standing] = field(default_factory=dict)
    to_record: tuple[ObservedRoute, ...] = ()
    obsolete: tuple[ObservedRevision, ...] = ()
    displaced: tuple[RouteKey, ...] = ()

    def published(self) -> list[Packed]:
        """All versions that run, in a fixed order."""
        running = [standing.running.packed for standing in self.standings.values() if standing.running]
        return sorted(running, key=lambda packed: packed.file)


def specs(observed: Observed) -> dict[VersionKey, Spec]:
    """Collect every spec that a plan needs judged: the current and the last accepted one of each LeadRoute."""
    accepted = _accepted(observed)
    found: dict[VersionKey, Spec] = {}
    for route in _alive(observed):
        found[route.uid, route.generation] = Spec(route.namespace, route.name, route.spec)
        revision = accepted.get(route.uid)
        if revision is not None and revision.generation != route.generation:
            found[route.uid, revision.generation] = Spec(route.namespace, route.name, revision.spec)
    return found


def make_plan(
    observed: Observed,
    versions: Versions,
    pack: Pack,
    *,
    unrecordable: Mapping[str, str] | None = None,
) -> Plan:
    """Decide what is to be.

    Args:
        observed: What was seen.
        versions: The judged versions of all `specs`.
        pack: Makes versions ready to be published.
        unrecordable: By UID, why the API server would not keep a LeadRoute's accepted spec: its last one goes on.
    """
    accepted = _accepted(observed)
    secrets = {(secret.namespace, secret.name): secret for secret in observed.secrets}
    judge = _Judge(versions, secrets, pack, unrecordable or {})
    candidacies = [judge.candidacy(route, accepted.get(route.uid)) for route in _alive(observed)]
    admission = admit((candidacy.claimant for candidacy in candidacies), soft_limit=SOFT_LIMIT, hard_limit=HARD_LIMIT)
    standings = {candidacy.route.uid: _standing(candidacy, admission) for candidacy in candidacies}
    to_record = tuple(c.route for c in candidacies if c.route.key in admission.admitted and c.wanted)
    recorded = {route.uid for route in to_record}
    return Plan(
        standings=standings,
        to_record=to_record,
        obsolete=tuple(_obsolete(observed, accepted, standings, recorded)),
        displaced=tuple(sorted(_displaced(candidacies, admission))),
    )


@dataclass(frozen=True, slots=True)
class _Candidacy:
    """A LeadRoute before it is decided who may have what."""

    route: ObservedRoute
    objection: tuple[Reason, str] | None
    tests_passed: Condition
    wanted: Running | None
    running: Running | None

    @property
    def claimant(self) -> Claimant:
        return Claimant(
            key=self.route.key,
            created=self.route.created,
            running=self.running.packed.need if self.running else None,
            wanted=self.wanted.packed.need if self.wanted else None,
        )


def _alive(observed: Observed) -> Iterable[ObservedRoute]:
    return (route for route in observed.routes if not route.deleting)


def _accepted(observed: Observed) -> dict[str, ObservedRevision]:
    """The newest ControllerRevision of each LeadRoute, by UID."""
    namespaces = {route.uid: route.namespace for route in observed.routes}
    newest: dict[str, ObservedRevision] = {}
    for revision in observed.revisions:
        # An owner reference names no namespace: one from another is forged, or a mistake.
        if namespaces.get(revision.owner) != revision.namespace:
            continue
        best = newest.get(revision.owner)
        if best is None or (revision.generation, revision.name) > (best.generation, best.name):
            newest[revision.owner] = revision
    return newest


@dataclass(frozen=True, slots=True)
class _Judge:
    """What LeadRoutes are judged with, each on its own."""

    versions: Versions
    secrets: Secrets
    pack: Pack
    unrecordable: Mapping[str, str]

    def candidacy(self, route: ObservedRoute, revision: ObservedRevision | None) -> _Candidacy:
        version = self.versions[route.uid, route.generation]
        objection = _objection(version, self._credentials(route, version))
        if objection is None and route.uid in self.unrecordable:
            sentence = f"the accepted spec could not be kept as a ControllerRevision: {self.unrecordable[route.uid]}"
            objection = (Reason.NOT_RECORDED, sentence)
        is_new = revision is None or revision.generation != route.generation
        return _Candidacy(
            route,
            objection,
            _tests_passed(version),
            wanted=self._run(route, route.generation) if is_new and objection is None else None,
            running=self._run(route, revision.generation) if revision is not None else None,
        )

    def _run(self, route: ObservedRoute, generation: int) -> Running:
        version = self.versions[route.uid, generation]
        credentials = self._credentials(route, version)
        known = credentials if isinstance(credentials, Credentials) else None
        paused = isinstance(version, Sound) and version.paused
        return Running(generation, paused, self.pack(route, generation, version, known))

    def _credentials(self, route: ObservedRoute, version: Version) -> Credentials | Missing | Unusable:
        if isinstance(version, Flawed):
            return Missing(())
        return resolve(version.references, namespace=route.namespace, secrets=self.secrets)


def _objection(version: Version, credentials: Credentials | Missing | Unusable) -> tuple[Reason, str] | None:
    """Say what keeps a version from being accepted, before anybody else is looked at."""
    if isinstance(version, Flawed):
        return Reason.INVALID, _listed(version.problems)
    if isinstance(credentials, Missing):
        return Reason.CREDENTIALS_MISSING, _listed(credentials.problems)
    if isinstance(credentials, Unusable):
        return Reason.CREDENTIALS_INVALID, _listed(credentials.problems)
    if version.failures:
        return Reason.TESTS_FAILED, f"{len(version.failures)} of {version.examples} tests failed; see TestsPassed"
    return None


def _listed(problems: Iterable[Problem]) -> str:
    return "; ".join(map(str, problems))


def _tests_passed(version: Version) -> Condition:
    status: Truth = "True"
    if isinstance(version, Flawed):
        status, reason, message = "Unknown", Reason.NOT_RUN, "the tests are run once the spec is valid"
    elif version.failures:
        status, reason = "False", Reason.EXAMPLE_FAILED
        message = "\n".join(f"{failure.name}: {failure.message}" for failure in version.failures)
    elif not version.examples:
        reason, message = Reason.NO_TESTS, "spec.tests is empty; examples there would prove the route"
    else:
        reason, message = Reason.ALL_PASSED, f"all {version.examples} tests passed"
    return Condition(ConditionType.TESTS_PASSED, status, reason, message)


def _standing(candidacy: _Candidacy, admission: Admission) -> Standing:
    route = candidacy.route
    running = None
    if route.key in admission.admitted:
        running = candidacy.wanted or candidacy.running
    elif route.key in admission.kept:
        running = candidacy.running
    denial = admission.denied.get(route.key)
    objection = candidacy.objection
    if objection is None and denial is not None:
        objection = _denied(denial)
    return Standing(route, _accepted_condition(route, objection, running), candidacy.tests_passed, running)


def _denied(denial: Denial) -> tuple[Reason, str]:
    match denial:
        case Conflict(claim, holder) if claim == DEFAULT:
            return Reason.PATH_CONFLICT, (
                f"spec.default: LeadRoute {holder} takes the posts without a path already; "
                "set default to false here or there"
            )
        case Conflict(claim, holder):
            return Reason.PATH_CONFLICT, (
                f"spec.path: {claim} is held by LeadRoute {holder}; choose another path, or give it up there first"
            )
        case Crowded(shard, need, room):
            return Reason.TOO_LARGE, (
                f"spec: takes {need} bytes, but shard {shard} has room for {room}; shorten it (tests and long lists "
                "count), or have more shards configured"
            )


def _accepted_condition(
    route: ObservedRoute, objection: tuple[Reason, str] | None, running: Running | None
) -> Condition:
    if objection is None:
        message = f"generation {route.generation} is valid and is what runs"
        return Condition(ConditionType.ACCEPTED, "True", Reason.ACCEPTED, message)
    reason, message = objection
    if running is None:
        consequence = "nothing of this LeadRoute runs"
    elif running.generation == route.generation:
        consequence = "pods that have loaded it already go on with it"
    else:
        consequence = f"generation {running.generation} keeps running"
    return Condition(ConditionType.ACCEPTED, "False", reason, f"{message}. Meanwhile {consequence}.")


def _obsolete(
    observed: Observed,
    accepted: Mapping[str, ObservedRevision],
    standings: Mapping[str, Standing],
    recorded: set[str],
) -> Iterable[ObservedRevision]:
    for revision in observed.revisions:
        newest = accepted.get(revision.owner)
        if newest is None or revision.owner not in standings or revision.namespace != newest.namespace:
            continue  # not ours: the owner is gone, going or unknown
        if revision.owner in recorded or revision is not newest:
            yield revision


def _displaced(candidacies: Iterable[_Candidacy], admission: Admission) -> Iterable[RouteKey]:
    for candidacy in candidacies:
        key = candidacy.route.key
        runs = key in admission.admitted or key in admission.kept
        if candidacy.running and not runs and isinstance(admission.denied.get(key), Crowded):
            yield key


def conflicts(plan: Plan, key: RouteKey, version: Sound) -> list[str]:
    """Say which LeadRoutes hold what a version would claim.

    Args:
        plan: Knows the holders.
        key: Of the LeadRoute that asks.
        version: What it would run with.
    """
    found = []
    for standing in plan.standings.values():
        running = standing.running
        if running is None or standing.route.key == key:
            continue
        if running.packed.path == version.path:
            found.append(_denied(Conflict(f"path {version.path}", standing.route.key))[1])
        if running.packed.default and version.default:
            found.append(_denied(Conflict(DEFAULT, standing.route.key))[1])
    return found
