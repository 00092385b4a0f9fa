"""Run folders -> statistics -> one page with plots and tables; needs neither torch nor flwr nor ray.

``fedsky.report.page.write_report`` writes the page, ``fedsky.report.summary.compare`` gives its numbers to the site.
Nothing is imported here: who reads a run's rows alone must not wait for what draws plots.
"""
