"""From the samples of runs to tables, paired tests, plots and the page of results.

    samples -> scores -> summary -> tables, comparisons, curves -> plots, pages

`commands` is what the command line calls; `results` is what is kept in the repository.
"""
