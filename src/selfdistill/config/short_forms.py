"""Options that have a shorter name than their place in the recipe gives them."""

SHORT_FORMS = {
    "backbone": "backbone.name",
    "image_size": "data.image_size",
    "cache_dir": "data.cache_dir",
    "lr": "optimizer.lr",
}
