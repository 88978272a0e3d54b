"""`manage.py dicom_query`: search a DICOM node for the radiographs of a patient, and retrieve them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.errors import DomainError
from diagnostics.integrations.models import DicomNode
from diagnostics.integrations.services import dicom_query
from diagnostics.integrations.services.dicom_query import Criteria
from diagnostics.prompt import ask


class Command(BaseCommand):
    help = (
        "List the radiography studies of a patient on a node; the patient ID is read from terminal or pipe."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define node, site, user, and what to do with the studies."""
        parser.add_argument("--node", required=True, help="name of the node")
        parser.add_argument("--site", required=True, help="name of its site")
        parser.add_argument("--by", required=True, help="user name of an administrator of the site")
        parser.add_argument("--retrieve", action="store_true", help="retrieve all that are not stored")
        parser.add_argument("--priors", action="store_true", help="and all others of the patient")

    def handle(self, *args: Any, node: str, site: str, by: str, **options: Any) -> None:
        """Search, print study UIDs and dates, and queue the retrieval if wished."""
        try:
            found = DicomNode.objects.get(name=node, site__name=site)
            user = User.objects.get(username=by)
        except (DicomNode.DoesNotExist, User.DoesNotExist) as error:
            raise CommandError(f"No such node or user: {node}, {site}, {by}.") from error
        criteria, now = Criteria(patient_id=ask("Patient ID: ")), timezone.now()
        try:
            studies = dicom_query.find_studies(node=found, criteria=criteria, by=user, now=now)
            for study in studies:
                stored = "stored" if study.is_stored else "not stored"
                self.stdout.write(f"{study.study_date}  {study.modalities}  {study.study_uid}  {stored}")
            if options["retrieve"]:
                self._retrieve(found, studies, user, with_priors=options["priors"])
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _retrieve(
        self, node: DicomNode, studies: list[dicom_query.FoundStudy], user: User, *, with_priors: bool
    ) -> None:
        missing = [study.study_uid for study in studies if not study.is_stored]
        queued = dicom_query.request_retrieval(
            node=node, study_uids=missing, with_priors=with_priors, by=user, now=timezone.now()
        )
        self.stdout.write(f"{queued} studies are retrieved by the worker.")
