-- What a rule was judged by also holds where operators closed its alarms: key '<rule>\n<subject>'.
ALTER TABLE judged_under DROP CONSTRAINT judged_under_kind_check;
ALTER TABLE judged_under ADD CONSTRAINT judged_under_kind_check
    CHECK (kind IN ('subject', 'rule', 'deaf', 'closing'));
