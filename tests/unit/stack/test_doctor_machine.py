"""What the doctor says of the machine and of the data that the package brings."""

from datetime import timedelta

from hypervisor.stack.doctor_machine import check_school_holidays
from sensors._calendar import school_holidays_end


def test_the_doctor_warns_a_year_before_school_holidays_become_unknown() -> None:
    end = school_holidays_end()
    (well,) = check_school_holidays(end - timedelta(days=366))
    (soon,) = check_school_holidays(end - timedelta(days=365))
    assert (well.state, soon.state) == ("good", "warning")
    assert soon.mend
