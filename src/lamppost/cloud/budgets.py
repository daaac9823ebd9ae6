"""A month's budget: said when four fifths are spent, when all is, and when all will be."""

from aws_cdk import Stack
from aws_cdk import aws_budgets as budgets

from lamppost.cloud.site import Site

# Percent of the budget, of what is spent or of what AWS expects by the month's end.
_TOLD = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))


def budget(site: Site, stack: Stack, topic: str) -> None:
    """The stage's budget, where it has one."""
    settings = site.stage.settings
    if settings.budget_usd is None:
        return
    kinds = budgets.CfnBudget
    kinds(
        stack,
        "Budget",
        budget=kinds.BudgetDataProperty(
            budget_name=f"{site.stage.system}-{site.env}",
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=kinds.SpendProperty(amount=settings.budget_usd, unit="USD"),
            # A tag counts in bills only after it was activated there, and not everything carries one.
            cost_filters={"TagKeyValue": [f"user:lamppost:stage${site.env}"]}
            if settings.budget_of == "stage"
            else None,
        ),
        notifications_with_subscribers=[
            kinds.NotificationWithSubscribersProperty(
                notification=kinds.NotificationProperty(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[kinds.SubscriberProperty(subscription_type="SNS", address=topic)],
            )
            for kind, percent in _TOLD
        ],
    )
