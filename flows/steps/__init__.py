"""The steps of the flow, as the commands and the pipeline call them: `training`, `hardware`, `cost`."""
