"""Fix violations by editing the YAML files of a project, with comments and layout kept."""
