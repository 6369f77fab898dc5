"""L13 and L14: one neuron on twelve samples, and batches of real data.

20,000 epochs of full-batch descent on twelve samples of two sensors; then handwritten digits in
shuffled batches, with a progress bar.

    python examples/lectures/l13_neuron.py
"""

import itertools

import numpy as np
from lecture import close, example, folder, save, shows

from funcgrad import explain, nn

digits, neuron = example("digits"), example("neuron")


def main(argv=None, epochs=20_000, steps=300):
    out = folder(argv, __doc__)
    X, y = neuron.X, neuron.y
    W, b = np.ones(2), 0.0
    ones = ["1.0000"] * 5, ["1.0000"] * 3
    prediction = neuron.predict(W, b)
    print(shows(prediction, "0.8022", *ones[0], "0.9973", "0.0198", *ones[1], "0.6225"))
    print("loss on y:      ", shows(nn.mse(prediction, y), "2673.9029"))
    print("loss on 0.01*y: ", shows(neuron.loss(W, b), "0.17980"))
    slip = np.where(X == -4.0, 4.0, X)
    slipped = nn.mse(nn.sigmoid(np.sum(slip * W, 1) + b), 0.01 * y)
    print("with 4.0 typed for -4.0:", shows(slipped, "0.2254"))
    save(explain(neuron.loss, W, b, argnums=(0, 1)), out / "l13_neuron.svg")

    W, b, losses = neuron.train(W, b, epochs)
    if epochs == 20_000:
        print("W:", shows(W, "0.13588", "-0.07157"), "b:", shows(b, "-0.65944"))
        print("loss:", shows(neuron.loss(W, b), "0.00064555"))
    neuron.draw(W, b, losses, out / "l13_neuron.png")

    rng = np.random.default_rng(0)
    images, images_test, labels, labels_test = digits.data()
    loader = digits.batches(rng, images, labels)
    count = len(images) // digits.BATCH
    drawn = np.concatenate([x for x, _ in itertools.islice(loader, count)])
    assert len(np.unique(drawn, axis=0)) >= count * digits.BATCH - 1  # two digits look the same
    params, losses, _ = digits.train(digits.init(rng), loader, steps, images_test, labels_test)
    right = np.mean(np.argmax(digits.scores(params, images_test), axis=1) == labels_test)
    print(f"digits: loss {losses[0]:.3f} -> {losses[-1]:.3f}, accuracy {right:.4f}")
    assert right > 0.9
    close(len(losses), steps)


if __name__ == "__main__":
    main()
