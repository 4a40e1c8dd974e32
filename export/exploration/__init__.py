"""The design space of the accelerator: its resources by formula, and choice by constraint."""
