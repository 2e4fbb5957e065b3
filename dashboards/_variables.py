"""What a reader may choose: the territory, and what a dashboard has of its own."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards._dataquery import source
from dashboards._describe import Dashboard, Variable
from dashboards._options import Options
from dashboards._sql import ALL, filter_by, quote_list
from dashboards._words import Text

EPCI = Variable(
    name="epci",
    label=Text(en="EPCI", fr="EPCI"),
    sql='SELECT name AS "__text", code AS "__value" FROM area WHERE kind = \'epci\' ORDER BY name',
)
COMMUNE = Variable(
    name="commune",
    label=Text(en="Commune", fr="Commune"),
    sql='SELECT name AS "__text", code AS "__value" FROM area'
    f" WHERE kind = 'commune' AND {filter_by('epci', 'area.parent')} ORDER BY name",
)


def site(domains: tuple[str, ...]) -> Variable:
    """The sites of some domains in the chosen communes."""
    of = f"site.domain IN ({quote_list(domains)}) AND " if domains else ""
    return Variable(
        name="site",
        label=Text(en="Site", fr="Site"),
        sql='SELECT site.title AS "__text", site.name AS "__value" FROM site'
        f" WHERE {of}({ALL} IN (${{epci:sqlstring}}) OR site.commune IN (SELECT area.code"
        f" FROM area WHERE {filter_by('epci', 'area.parent')}))"
        f" AND {filter_by('commune', 'site.commune')} ORDER BY site.title",
    )


def list_variables(board: Dashboard) -> tuple[Variable, ...]:
    """All of a dashboard's, in the order of their bar."""
    where = (EPCI, COMMUNE, site(board.domains)) if board.territory else ()
    return (*where, *board.variables)


def build_variable(
    variable: Variable, options: Options
) -> builders.QueryVariable | builders.CustomVariable:
    """The variable as the SDK's builder."""
    if variable.choices:
        return _custom(variable, options)
    builder = (
        builders.QueryVariable(variable.name)
        .label(variable.label.in_(options.lang))
        .datasource(source())
        .query(variable.sql)
        .definition(variable.sql)
        .refresh(sdk.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(sdk.VariableSort.DISABLED)
        .hide(_hide(variable))
        .allow_custom_value(False)
    )
    if variable.multi:
        every = Text(en="All", fr="Tout").in_(options.lang)
        builder.multi(True).include_all(True).all_value(ALL)
        builder.current(sdk.VariableOption(selected=True, text=[every], value=["$__all"]))
    return builder


def _custom(variable: Variable, options: Options) -> builders.CustomVariable:
    choices = [(value, text.in_(options.lang)) for value, text in variable.choices]
    value, text = choices[0]
    return (
        builders.CustomVariable(variable.name)
        .label(variable.label.in_(options.lang))
        .values(", ".join(f"{text} : {value}" for value, text in choices))
        .options(
            [
                sdk.VariableOption(selected=index == 0, text=text, value=value)
                for index, (value, text) in enumerate(choices)
            ]
        )
        .current(sdk.VariableOption(selected=True, text=text, value=value))
        .hide(_hide(variable))
    )


def _hide(variable: Variable) -> sdk.VariableHide:
    return sdk.VariableHide.HIDE_VARIABLE if variable.hidden else sdk.VariableHide.DONT_HIDE
