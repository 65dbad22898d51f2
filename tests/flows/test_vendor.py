"""The vendor's compiler, played by a script on PATH that writes the report that the real one writes."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from xnorsr.errors import UserError
from xnorsr.flows import vendor
from xnorsr.flows.steps.hardware import vendor_synthesis

pytestmark = pytest.mark.quick

# As Vitis HLS writes it, shortened to what is read and what could be taken for it.
REPORT = """<profile>
<UserAssignments><Part>xck26-sfvc784-2LV-c</Part><TopModelName>xnorsr_top</TopModelName>
<TargetClockPeriod>5.00</TargetClockPeriod><ClockUncertainty>1.35</ClockUncertainty></UserAssignments>
<PerformanceEstimates><SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>3.641</EstimatedClockPeriod>
</SummaryOfTimingAnalysis><SummaryOfOverallLatency><unit>clock cycles</unit><Best-caseLatency>65541</Best-caseLatency>
<Average-caseLatency>65700</Average-caseLatency><Worst-caseLatency>{worst}</Worst-caseLatency>
<Interval-min>65537</Interval-min><Interval-max>65601</Interval-max></SummaryOfOverallLatency></PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>12</BRAM_18K><DSP>34</DSP><FF>5678</FF><LUT>9012</LUT><URAM>0</URAM></Resources>
<AvailableResources><BRAM_18K>288</BRAM_18K><DSP>1248</DSP><FF>234240</FF><LUT>117120</LUT><URAM>64</URAM>
</AvailableResources></AreaEstimates></profile>
"""

# Notes how it was called, then leaves its report where the real compiler leaves it.
STAND_IN = """#!{python}
import pathlib, sys
pathlib.Path("called.txt").write_text(" ".join(sys.argv[1:]))
print("INFO: synthesizing")
if {fail}:
    print("ERROR: [HLS 200-70] no license")
    sys.exit(1)
place = pathlib.Path("{place}")
place.parent.mkdir(parents=True)
place.write_text('''{report}''')
"""


def _project(tmp_path: Path) -> Path:
    project = tmp_path / "hls"
    project.mkdir()
    (project / "project.tcl").write_text(
        'set project_name "xnorsr_top"\nset backend "vitis"\nset part "xck26-sfvc784-2LV-c"\nset clock_period 5\n'
    )
    return project


def _stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str, fail: bool = False) -> None:
    tool = tmp_path / "bin" / name
    tool.parent.mkdir()
    report = REPORT.format(worst=65800)
    tool.write_text(STAND_IN.format(python=sys.executable, fail=fail, place=place, report=report))
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tool.parent))


@pytest.mark.parametrize(
    ("name", "place", "called"),
    [
        ("vitis_hls", "xnorsr_top_prj/solution1/syn/report/xnorsr_top_csynth.xml", "-f build_prj.tcl"),
        ("vitis-run", "xnorsr_top_prj/solution1/syn/report/xnorsr_top_csynth.xml", "--mode hls --tcl build_prj.tcl"),
        (
            "v++",
            "xnorsr_top_prj/hls/syn/report/csynth.xml",
            "--compile --mode hls --config hls_config.cfg --work_dir xnorsr_top_prj",
        ),
    ],
)
def test_synthesis_runs_and_report_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str, called: str
) -> None:
    project = _project(tmp_path)
    _stand_in(tmp_path, monkeypatch, name, place)
    found = vendor_synthesis(tmp_path)
    assert found is not None
    assert (project / "called.txt").read_text() == called
    assert found.tool == name
    assert found.part == "xck26-sfvc784-2LV-c"
    assert (found.clock_target_ns, found.clock_estimated_ns) == (5.0, 3.641)
    assert found.latency_cycles == (65541, 65800)
    assert found.interval_cycles == (65537, 65601)
    assert found.used == {"BRAM_18K": 12, "DSP": 34, "FF": 5678, "LUT": 9012, "URAM": 0}
    assert found.available["LUT"] == 117120
    assert found.source == project / place
    assert json.loads((tmp_path / "csynth.json").read_text())["used"]["LUT"] == 9012
    options = (project / "build_opt.tcl").read_text().split()
    assert options[options.index("synth") + 1] == "1"
    assert options[options.index("csim") + 1] == "0"
    assert "synthesizing" in (project / vendor.LOG).read_text()
    if name == "v++":
        config = (project / "hls_config.cfg").read_text()
        assert "part=xck26-sfvc784-2LV-c" in config
        assert "clock=5ns" in config
        assert "syn.file=firmware/xnorsr_top.cpp" in config


def test_without_the_compiler_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _project(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert vendor_synthesis(tmp_path) is None
    said = " ".join(capsys.readouterr().out.split())
    assert said == vendor.MISSING
    assert not (tmp_path / "csynth.json").exists()


def test_failing_compiler_is_an_error_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(tmp_path)
    _stand_in(tmp_path, monkeypatch, "vitis_hls", "unused", fail=True)
    with pytest.raises(UserError, match=r"vitis_hls failed with exit code 1: .*no license\. The whole log: .*\.log"):
        vendor_synthesis(tmp_path)


def test_compiler_that_leaves_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _project(tmp_path)
    _stand_in(tmp_path, monkeypatch, "vitis_hls", "xnorsr_top_prj/solution1/syn/report/other_csynth.xml")
    with pytest.raises(UserError, match="left no C-synthesis report of xnorsr_top"):
        vendor_synthesis(tmp_path)


def test_unknown_latency_and_broken_report(tmp_path: Path) -> None:
    path = tmp_path / "csynth.xml"
    path.write_text(REPORT.format(worst="undef"))
    assert vendor.read_report(path, "vitis_hls").latency_cycles is None
    path.write_text("<profile></profile>")
    with pytest.raises(UserError, match=r"not a C-synthesis report .*\(UserAssignments/Part is missing\)"):
        vendor.read_report(path, "vitis_hls")
    path.write_text("<profile>")
    with pytest.raises(UserError, match="not a C-synthesis report"):
        vendor.read_report(path, "vitis_hls")
