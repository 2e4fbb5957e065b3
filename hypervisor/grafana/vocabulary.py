"""Units, panels, transformations and reducers of Grafana 12."""

# Ids of unit formats. Grafana shows an unknown id as a bare suffix.
_UNITS = """
none string short percent percentunit humidity dB hex0x hex sci locale pixel
accMS2 accFS2 accG degree radian grad arcmin arcsec areaM2 areaF2 areaMI2 areaHA
ppm conppb conngm3 congm3 conmgm3 conmgdL bits bytes kbytes mbytes gbytes tbytes
decbits decbytes deckbytes decmbytes decgbytes dectbytes pps bps Bps
dateTimeAsIso dateTimeAsIsoNoDateIfToday dateTimeAsUS dateTimeAsUSNoDateIfToday
dateTimeAsLocal dateTimeAsLocalNoDateIfToday dateTimeAsSystem dateTimeFromNow
watt kwatt megwatt gwatt mwatt Wm2 voltamp kvoltamp voltampreact kvoltampreact
watth watthperkg kwatth kwattm amph kamph mamph joule ev amp kamp mamp volt kvolt mvolt
dBm mohm ohm kohm Mohm farad henry lumens
flowgpm flowcms flowcfs flowcfm litreh flowlpm flowmlpm lux
forceNm forcekNm forceN forcekN massmg massg masslb masskg masst
lengthmm lengthin lengthft lengthm lengthkm lengthmi
pressurembar pressurebar pressurekbar pressurepa pressurehpa pressurekpa pressurehg pressurepsi
rotrpm rothz rotrads rotdegs celsius fahrenheit kelvin
hertz ns µs ms s m h d dtdurationms dtdurations dthms dtdhms timeticks clockms clocks
cps ops reqps rps wps iops eps mps cpm opm rpm wpm epm mpm
velocityms velocitykmh velocitymph velocityknot mlitre litre m3 Nm3 dm3 gallons
bool bool_yes_no bool_on_off currencyEUR
"""
UNITS = frozenset(_UNITS.split())
_PREFIXES = ("suffix", "prefix", "time", "si", "count", "currency", "bool")

_PANELS = """
timeseries stat gauge table state-timeline status-history geomap xychart barchart
histogram heatmap text piechart trend
"""
PANELS = frozenset(_PANELS.split())
_TRANSFORMATIONS = """
reduce filterFieldsByName filterByName filterByRefId filterByValue organize joinByField
seriesToColumns seriesToRows concatenate calculateField labelsToFields groupBy groupByMatrix
sortBy merge histogram rowsToFields configFromData prepareTimeSeries convertFieldType
fieldLookup heatmap extractFields spatial partitionByValues joinByLabels limit
formatTime formatString timeSeriesTable transpose regression groupingToMatrix
groupToNestedTable smoothing
"""
TRANSFORMATIONS = frozenset(_TRANSFORMATIONS.split())
_CALCS = """
lastNotNull last firstNotNull first min max mean median variance stdDev sum count range
delta step diff diffperc logmin allIsZero allIsNull changeCount distinctCount
allValues uniqueValues
"""
CALCS = frozenset(_CALCS.split())


def is_unit(name: str) -> bool:
    """Whether Grafana writes this unit as more than a bare word."""
    form, colon, rest = name.partition(":")
    return name in UNITS or (bool(colon) and form in _PREFIXES and bool(rest))
