"""Which leads are meant, as the API is told."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from leadgateway.pipeline.search_terms import LONGEST_PATH, LONGEST_VALUE
from leadgateway.store.search import MOST_FIELDS, BodyField, LeadFilter
from leadgateway.store.status import LeadStatus

RouteName = Annotated[str, Field(min_length=1, max_length=512, examples=["leads/solar-saarland"])]
RejectCode = Annotated[str, Field(min_length=1, max_length=128, examples=["NOT_HOMEOWNER"])]


class FilterBody(BaseModel):
    """Leads that fulfil everything that is given; an empty filter means all."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    route: RouteName | None = Field(None, description="namespace/name of the LeadRoute whose customer gets them")
    status: list[LeadStatus] = Field([], max_length=len(LeadStatus), description="any of these; empty: any")
    reject_code: RejectCode | None = None
    received_from: AwareDatetime | None = Field(None, description="accepted then or later")
    received_before: AwareDatetime | None = Field(None, description="accepted earlier")
    email: str | None = Field(None, max_length=LONGEST_VALUE, description="stands somewhere in the body")
    phone: str | None = Field(None, max_length=LONGEST_VALUE, description="stands somewhere in the body")
    correlation_id: UUID | None = None
    fields: list[Annotated[str, Field(max_length=LONGEST_PATH + LONGEST_VALUE + 1)]] = Field(
        [],
        max_length=MOST_FIELDS,
        description="values of the body as `path=value`; lists have the path of their elements",
        examples=[["address.zip=66123"]],
    )

    def as_filter(self) -> LeadFilter:
        """The filter of the store.

        Raises:
            InvalidFilter: By field.
        """
        return LeadFilter(
            route=self.route,
            statuses=frozenset(self.status),
            reject_code=self.reject_code,
            received_from=self.received_from,
            received_before=self.received_before,
            email=self.email,
            phone=self.phone,
            correlation_id=self.correlation_id,
            fields=tuple(map(BodyField.parse, self.fields)),
        )


def impersonal_filter(
    *,
    route: Annotated[RouteName | None, Query()] = None,
    status: Annotated[list[LeadStatus] | None, Query()] = None,
    reject_code: Annotated[RejectCode | None, Query()] = None,
    received_from: Annotated[AwareDatetime | None, Query()] = None,
    received_before: Annotated[AwareDatetime | None, Query()] = None,
    correlation_id: Annotated[UUID | None, Query()] = None,
) -> LeadFilter:
    """What may stand in an address: nothing about a person (a FastAPI dependency)."""
    return LeadFilter(
        route=route,
        statuses=frozenset(status or ()),
        reject_code=reject_code,
        received_from=received_from,
        received_before=received_before,
        correlation_id=correlation_id,
    )
