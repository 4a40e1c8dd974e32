# Synthesis, placement and routing of the Verilog that C synthesis made, as a block of its own (out of context):
#   vivado -mode batch -source vivado_implement.tcl
# Reports go to reports/; `edgetrack resources --report reports` reads them.

set tcldir [file dirname [info script]]
source [file join $tcldir project.tcl]

file mkdir reports
read_verilog [glob ${project_name}_prj/solution1/syn/verilog/*.v]
foreach script [glob -nocomplain ${project_name}_prj/solution1/syn/verilog/*.tcl] { source $script }

synth_design -top ${project_name} -part $part -mode out_of_context
create_clock -name ap_clk -period $clock_period [get_ports ap_clk]
opt_design
report_utilization -file reports/utilization_synth.rpt

place_design
phys_opt_design
route_design
report_utilization -file reports/utilization_routed.rpt
report_timing_summary -file reports/timing_summary_routed.rpt
