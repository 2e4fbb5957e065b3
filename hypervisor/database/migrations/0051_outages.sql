-- Silences of an outage are one incident (hypervisor.alarms.incidents): all alarms are grouped again.
DELETE FROM incident_state;
