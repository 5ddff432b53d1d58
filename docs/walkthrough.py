"""The whole walkthrough as a program: `python docs/walkthrough.py`, in an empty folder."""

from importlib.resources import files

import pandas as pd

import housing

homes = housing.compose("experiment=walkthrough", progress=True)
done = homes.run()  # trains, searches, promotes, deploys, and asks for a few predictions
print(done.headline)
print(done.frame().to_string(index=False))

sales = pd.read_csv(str(files("housing.data") / "ames.csv.gz"))
print(homes.predict(sales.head(3)))
print(homes.lineage().frame().to_string(index=False))
homes.destroy()
