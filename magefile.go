//go:build mage

// Build, push, roll out and roll back the webshop's environments.
package main

import (
	//mage:import
	_ "github.com/freezedesign/webshop-deploy/mage"
)
